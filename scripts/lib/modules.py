"""Which module names which: finds circles of modules, names that go up a layer, and files that are in no module. Owns: which crates
have none of these.

`scripts/lint modules [FOLDER]` checks the sources below FOLDER, by default this project's.

A module is a file. It names another where it says `crate::…`, `super::…` or `self::…`, or where a folder's module names one of its
own. Modules of tests inside a file do not count. A circle is told by its shortest way round.
"""

import re
import sys
from collections import deque
from pathlib import Path

# The sources of each crate, and its layers: each names those behind it, and none before it.
CRATES = {
    "pg_ext": ["functions", "calls", "postgres"],
    "pg_ext/core": [],
    "api": ["cli", "process", "console", "docs", "resources", "app", "access", "http", "store", "error", "database", "release"],
}

COMMENT_OR_TEXT = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?c?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*"|'(?:\\.[^']*|[^'\\])'""", re.S
)
TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:pub(?:\([a-z]+\))?\s+)?mod\s+\w+\s*\{")
USE = re.compile(r"\buse\s+([^;]+);")
PATH = re.compile(r"(?<![\w:])(?:crate|super|self)(?:::\w+)+")
OWN = re.compile(r"(?<![\w:.$])(\w+)::\w")


def code(text):
    """The text without comments, strings and modules of tests."""
    text = COMMENT_OR_TEXT.sub(" ", text)
    while found := TESTS.search(text):
        end, depth = found.end(), 1
        while depth and end < len(text):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        text = text[: found.start()] + text[end:]
    return text


def leaves(tree):
    """The paths of a use: `a::{b, c::d}` is `a::b` and `a::c::d`."""
    tree = tree.strip()
    if "{" not in tree:
        return [re.sub(r"\s+as\s+\w+$", "", tree).replace(" ", "")] if tree else []
    head, body = tree.split("{", 1)
    parts, depth, part = [], 0, ""
    for char in body.rstrip()[:-1]:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and not depth:
            parts.append(part)
            part = ""
        else:
            part += char
    return [head.strip() + leaf for inner in [*parts, part] for leaf in leaves(inner)]


class Crate:
    def __init__(self, source):
        self.files = {}
        for file in sorted(source.rglob("*.rs")):
            parts = list(file.relative_to(source).with_suffix("").parts)
            if parts[-1] in ("mod", "lib", "main"):
                parts.pop()
            self.files.setdefault(tuple(parts), []).append(file)
        self.names = {module: set() for module in self.files}
        for module, files in self.files.items():
            for file in files:
                self.read(module, code(file.read_text()))

    def read(self, module, text):
        for tree in USE.findall(text):
            for path in leaves(tree):
                self.note(module, path.split("::"))
        for path in PATH.findall(USE.sub("", text)):
            self.note(module, path.split("::"))
        for name in OWN.findall(text):
            if (*module, name) in self.files:
                self.names[module].add((*module, name))

    def note(self, module, path):
        at = list(module)
        if path[0] == "crate":
            at, path = [], path[1:]
        elif path[0] in ("self", "super"):
            while path and path[0] in ("self", "super"):
                if path[0] == "super":
                    at = at[:-1]
                path = path[1:]
        elif (*module, path[0]) not in self.files:
            return
        while path and (*at, path[0]) in self.files:
            at.append(path[0])
            path = path[1:]
        if tuple(at) != module:
            self.names[module].add(tuple(at))

    def circle(self, start):
        """The shortest way round through this module."""
        before, queue = {start: None}, deque([start])
        while queue:
            module = queue.popleft()
            if start in self.names[module]:
                way = [start]
                while module != start:
                    way.insert(1, module)
                    module = before[module]
                return way
            for named in sorted(self.names[module]):
                if named not in before:
                    before[named] = module
                    queue.append(named)
        return None

    def circles(self):
        """Shortest first; each module is told of once."""
        told, found = set(), []
        for way in sorted(filter(None, map(self.circle, self.files)), key=lambda way: (len(way), way)):
            if told.isdisjoint(way):
                found.append([*way, way[0]])
                told.update(way)
        return found

    def upward(self, layers):
        """Names of a layer above one's own, the root above all included."""
        height = {layer: len(layers) - place for place, layer in enumerate(layers)}

        def of(module):
            return height.get(module[0], 0) if module else len(layers) + 1

        if not layers:
            return []
        return [
            (module, named)
            for module in sorted(self.files)
            for named in sorted(self.names[module])
            if of(named) > of(module)
        ]


def left_out(source):
    """Files that no module declares: they are never compiled, and a test in one never fails."""
    for file in sorted(source.rglob("*.rs")):
        module = file.parent if file.name == "mod.rs" else file.with_suffix("")
        if module == source or file.stem in ("lib", "main"):
            continue
        folder = module.parent
        owners = [folder / "mod.rs", folder / "lib.rs", folder / "main.rs", folder.with_suffix(".rs")]
        declared = re.compile(rf"\bmod\s+{module.name}\s*;")
        if not any(declared.search(code(owner.read_text())) for owner in owners if owner.is_file()):
            yield file


def shown(module):
    return "::".join(module) or "the crate's root"


def main():
    root = Path(sys.argv[1])
    faults = 0
    for name, layers in CRATES.items():
        source = root / name / "src"
        if not source.is_dir():
            sys.exit(f"{source} is missing")
        crate = Crate(source)
        circles, upward = crate.circles(), crate.upward(layers)
        for circle in circles:
            print(f"{name}: circle: {' → '.join(map(shown, circle))}")
        for module, named in upward:
            print(f"{name}: {shown(module)} names {shown(named)}, which is in a layer above it")
        print(f"{name}: {len(crate.files)} modules, {len(circles)} circles, {len(upward)} names upward")
        faults += len(upward) + len(circles)
    for folder in [*(f"{name}/src" for name in CRATES), "tests/src", "tests/tests"]:
        for file in left_out(root / folder):
            print(f"{file.relative_to(root)} is in no module")
            faults += 1
    return faults > 0


if __name__ == "__main__":
    sys.exit(main())
