(function () {
  "use strict";
  var order = ["info", "low", "medium", "high", "critical"];

  function all(selector, within) {
    return Array.prototype.slice.call((within || document).querySelectorAll(selector));
  }

  // A link leads into what is folded.
  function unfold() {
    var id = decodeURIComponent(location.hash.slice(1));
    var target = id && document.getElementById(id);
    if (!target) { return; }
    for (var at = target; at; at = at.parentElement) {
      if (at.tagName === "DETAILS") { at.open = true; }
      if (at.hidden) { at.hidden = false; }
    }
    target.scrollIntoView();
  }

  function filtering() {
    var box = document.getElementById("filter");
    if (!box) { return; }
    var text = document.getElementById("filter-text");
    var least = document.getElementById("filter-severity");
    var count = document.getElementById("filter-count");
    var items = all("[data-severity]");
    var words = items.map(function (item) { return item.textContent.toLowerCase(); });
    function apply() {
      var wanted = text.value.toLowerCase().trim();
      var rank = order.indexOf(least.value);
      var shown = 0;
      items.forEach(function (item, n) {
        var fits = order.indexOf(item.getAttribute("data-severity")) >= rank && words[n].indexOf(wanted) >= 0;
        item.hidden = !fits;
        if (fits) { shown += 1; }
      });
      count.textContent = shown + " of " + items.length + " shown";
    }
    text.addEventListener("input", apply);
    least.addEventListener("change", apply);
    var toggle = document.getElementById("open-all");
    toggle.addEventListener("click", function () {
      var opening = toggle.getAttribute("aria-pressed") !== "true";
      toggle.setAttribute("aria-pressed", String(opening));
      all("details.evidence").forEach(function (one) { one.open = opening; });
    });
    toggle.setAttribute("aria-pressed", "false");
    box.hidden = false;
  }

  function key(row, column) {
    var cell = row.cells[column];
    if (!cell) { return ""; }
    return cell.hasAttribute("data-value") ? cell.getAttribute("data-value") : cell.textContent.trim();
  }

  function compare(a, b) {
    var x = parseFloat(a), y = parseFloat(b);
    if (!isNaN(x) && !isNaN(y) && x !== y) { return x - y; }
    return a < b ? -1 : a > b ? 1 : 0;
  }

  function sorting(table) {
    var heads = all("thead th", table);
    var body = table.tBodies[0];
    heads.forEach(function (head, column) {
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      head.textContent = "";
      head.appendChild(button);
      button.addEventListener("click", function () {
        var down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        all("tr", body)
          .map(function (row) { return [key(row, column), row]; })
          .sort(function (a, b) { return (down ? -1 : 1) * compare(a[0], b[0]); })
          .forEach(function (pair) { body.appendChild(pair[1]); });
      });
    });
  }

  filtering();
  all("table.sortable").forEach(sorting);
  window.addEventListener("hashchange", unfold);
  unfold();
})();
