"""Expands the template with every documented set of parameters into a folder, and holds all rules against each.

    python expanded.py TEMPLATE FOLDER

The last line says what was checked and what is wrong, as JSON. Runs in the environment of tools.py.
"""

import json
import pathlib
import sys

import expansion
import planted
import rules


def with_values(expanded, values):
    """The chosen values in the place of the defaults, so that a linter judges them and not the defaults."""
    for name, about in expanded["Parameters"].items():
        about["Default"] = int(values[name]) if about["Type"] == "Number" else values[name]
    return expanded


def main():
    file, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    template, text = expansion.read(file), file.read_text(encoding="utf-8")
    said = []
    for name, chosen in expansion.documented().items():
        expanded = expansion.expanded(template, chosen)
        for rule, check in rules.RULES.items():
            said.append((f"{name}: {rule}", "\n".join(check(template, expanded))))
        values = expansion.parameters(template, chosen)
        said.append((f"{name}: below every limit", "\n".join(rules.fits(text, expanded, values))))
        target = folder / f"{name.replace(' ', '-')}.json"
        target.write_text(json.dumps(with_values(expanded, values), indent=1), encoding="utf-8")
    before, after = (expansion.expanded(template, {"Revision": revision}) for revision in (planted.FIRST, planted.SECOND))
    another = rules.another_revision_is_another_version(before, after)
    said.append((f"another revision is another version of each of {len(rules.versions(before))}", "\n".join(another)))
    count = len(planted.FAULTS) + len(planted.VERSION_FAULTS)
    said.append((f"each of {count} planted faults is found", "\n".join(planted.missed(template))))
    for what, measured, most in rules.sizes(text, before, expansion.parameters(template, {})):
        print(f"     {what}: {measured} of {most}")
    print(json.dumps(said))


if __name__ == "__main__":
    main()
