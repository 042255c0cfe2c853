"""What may be depended on, as deny.toml says: licences, bans, sources.

`cargo deny` (`make deny`) checks the same and known vulnerabilities. Compiling it takes minutes, so `make test` does
without: here deny.toml is held against `cargo metadata`. What stands in it and is not understood here is an error.
"""

import functools
import json
import subprocess
import tomllib
import unittest

from license_expression import get_spdx_licensing

from boards import ROOT

SPDX = get_spdx_licensing()
# Tables and keys of deny.toml that are held here.
UNDERSTOOD = {
    "graph": {"targets", "all-features"},
    "licenses": {"allow", "confidence-threshold"},
    "bans": {"multiple-versions", "wildcards", "deny"},
    "sources": {"unknown-registry", "unknown-git", "allow-registry"},
}


@functools.cache
def rules():
    return tomllib.loads((ROOT / "deny.toml").read_text(encoding="utf-8"))


@functools.cache
def packages():
    """Every crate that is built for a target of ours: in the program, its tests or its build."""
    platforms = [word for target in rules()["graph"]["targets"] for word in ["--filter-platform", target]]
    command = ["cargo", "metadata", "--locked", "--format-version=1", "--all-features", *platforms]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    metadata = json.loads(output)
    reached = {node["id"] for node in metadata["resolve"]["nodes"]}
    return [package for package in metadata["packages"] if package["id"] in reached]


def allows(allowed, expression):
    """Whether a licence expression can be kept to with the allowed licences: one side of an OR, all sides of an AND."""
    parsed = SPDX.parse(expression.replace("/", " OR "), validate=True, strict=True)
    if isinstance(parsed, SPDX.OR):
        return any(allows(allowed, str(each)) for each in parsed.args)
    if isinstance(parsed, SPDX.AND):
        return all(allows(allowed, str(each)) for each in parsed.args)
    return str(parsed) in allowed


def without_licence(packages, allowed):
    return [
        (package["name"], package["license"])
        for package in packages
        if not package["license"] or not allows(allowed, package["license"])
    ]


def banned(packages, names):
    return [package["name"] for package in packages if package["name"] in names]


def from_elsewhere(packages, registries):
    sources = {f"registry+{each}" for each in registries}
    return [
        (package["name"], package["source"])
        for package in packages
        if package["source"] not in sources and package["name"] != "contact-rate-exporter"
    ]


def wildcards(packages):
    return [
        (package["name"], dependency["name"])
        for package in packages
        for dependency in package["dependencies"]
        if dependency["req"] == "*" and dependency["kind"] != "dev"
    ]


class Dependencies(unittest.TestCase):
    def test_every_rule_is_understood_here(self):
        self.assertEqual({name: set(table) for name, table in rules().items()}, UNDERSTOOD)
        self.assertTrue(rules()["graph"]["all-features"])
        self.assertEqual(rules()["bans"]["multiple-versions"], "allow")
        self.assertEqual([set(each) for each in rules()["bans"]["deny"] if set(each) != {"crate"}], [])
        for table, key in [("bans", "wildcards"), ("sources", "unknown-registry"), ("sources", "unknown-git")]:
            self.assertEqual(rules()[table][key], "deny")

    def test_licences(self):
        self.assertGreater(len(packages()), 200)
        allowed = set(rules()["licenses"]["allow"])
        self.assertEqual(without_licence(packages(), allowed), [])
        used = {str(each) for package in packages() for each in SPDX.license_symbols(package["license"].replace("/", " OR "))}
        self.assertEqual(allowed - used, set(), "allowed, and of no crate")

    def test_bans(self):
        self.assertEqual(banned(packages(), {each["crate"] for each in rules()["bans"]["deny"]}), [])
        self.assertEqual(wildcards(packages()), [])

    def test_sources(self):
        self.assertEqual(from_elsewhere(packages(), rules()["sources"]["allow-registry"]), [])

    def test_what_is_wrong_is_found(self):
        allowed = {"MIT", "Apache-2.0"}
        for expression in ["MIT", "MIT/GPL-3.0-only", "(MIT OR GPL-3.0-only) AND Apache-2.0", "Apache-2.0 AND MIT"]:
            self.assertTrue(allows(allowed, expression), expression)
        for expression in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0 WITH LLVM-exception"]:
            self.assertFalse(allows(allowed, expression), expression)
        bad = {
            "name": "openssl-sys", "license": None, "source": "git+https://example.org/openssl",
            "dependencies": [{"name": "libc", "req": "*", "kind": None}],
        }  # fmt: skip
        self.assertEqual(without_licence([bad], allowed), [("openssl-sys", None)])
        self.assertEqual(banned([bad], {"openssl-sys"}), ["openssl-sys"])
        self.assertEqual(from_elsewhere([bad], ["https://example.org"]), [("openssl-sys", bad["source"])])
        self.assertEqual(wildcards([bad]), [("openssl-sys", "libc")])


if __name__ == "__main__":
    unittest.main()
