"""How many verdicts of which outcome an audited folder has.

tally.py FOLDER prints them as JSON. tally.py --forget-one FOLDER takes one of each outcome out of every list of
assessment.json, and a route that somebody has a way to, so that nothing else in the folder agrees with it any more.
Validators in Python import `tally` and `compare`.
"""

import collections
import json
import pathlib
import sys


def verdicts(assessment):
    """Every list of verdicts: of the estate and of each instance."""
    return [assessment.get("estate", [])] + [own["verdicts"] for own in assessment["instances"]]


def read(folder):
    return json.loads((pathlib.Path(folder) / "assessment.json").read_text("utf-8"))


def tally(folder):
    return collections.Counter(one["outcome"] for own in verdicts(read(folder)) for one in own)


def compare(what, counted, folder):
    """Ends the program unless the counts are those of the folder."""
    due = tally(folder)
    if collections.Counter(counted) != due:
        sys.exit(f"{what}: {dict(counted)}, but assessment.json has {dict(due)}")
    print(f"{what}: {dict(due)}, as in assessment.json")


def forget_one(folder):
    assessment = read(folder)
    for own in verdicts(assessment):
        left = {one["outcome"] for one in own}
        for one in list(own):
            if one["outcome"] in left:
                left.remove(one["outcome"])
                own.remove(one)
    for own in assessment["instances"]:
        reached = [route for route in own["routes"] if route["paths"]]
        own["routes"] = [route for route in own["routes"] if route not in reached[:1]]
    (pathlib.Path(folder) / "assessment.json").write_text(json.dumps(assessment), "utf-8")


if __name__ == "__main__":
    if sys.argv[1] == "--forget-one":
        forget_one(sys.argv[2])
    else:
        print(json.dumps(tally(sys.argv[1])))
