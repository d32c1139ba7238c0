// page.cjs FILE: opens it in Chromium and prints as JSON what axe-core, the network and the console say of it, and how
// many findings it shows, and says it has.
const fs = require("fs");
const puppeteer = require("puppeteer-core");

async function main(file) {
  const browser = await puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  const page = await browser.newPage();
  const wrong = [];
  await page.setBypassCSP(true); // axe-core is put into the page
  page.on("request", (request) => {
    if (request.url() !== `file://${file}`) wrong.push(`asks for ${request.url()}`);
  });
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("console", (message) => wrong.push(message.text()));
  await page.goto(`file://${file}`, { waitUntil: "load" });
  await page.evaluate(fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  const result = await page.evaluate(() =>
    axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  for (const one of result.violations) {
    wrong.push(`${one.impact} ${one.id}: ${one.help}: ${one.nodes[0].target.join(" ")}`);
  }
  const counted = await page.evaluate(() => {
    const boxes = [...document.querySelectorAll(".counts li")];
    const said = Object.fromEntries(boxes.map((box) => [box.children[1].textContent, +box.children[0].textContent]));
    const shown = document.querySelectorAll("section.rule > ul > li").length;
    const accepted = document.querySelectorAll("section.rule[id*='accepted-'] > ul > li").length;
    const found = ["critical", "high", "medium", "low", "info"].reduce((sum, one) => sum + said[one], 0);
    return { said, shown, accepted, found };
  });
  if (counted.found !== counted.shown - counted.accepted) {
    wrong.push(`says ${counted.found} findings and shows ${counted.shown - counted.accepted}`);
  }
  if (counted.accepted !== (counted.said.accepted ?? 0)) {
    wrong.push(`says ${counted.said.accepted} accepted and shows ${counted.accepted}`);
  }
  await browser.close();
  const { found: fail, accepted, said } = counted;
  console.log(JSON.stringify({ wrong, fail, accepted, unknown: said.unknown, passed: result.passes.length }));
}

main(process.argv[2]);
