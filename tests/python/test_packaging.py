"""What is packed: manifests that Kubernetes takes, and every crate's licence."""

import re
import subprocess
import unittest

import kubernetes_validate
import yaml

from boards import ROOT

MANIFESTS = ROOT / "packaging/kubernetes/contact-rate-exporter.yaml"


def objects():
    return {each["kind"]: each for each in yaml.safe_load_all(MANIFESTS.read_text(encoding="utf-8"))}


def problems(manifest, version):
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error)
    return None


class Kubernetes(unittest.TestCase):
    def test_objects_keep_to_the_schemas(self):
        newest = kubernetes_validate.latest_version()
        for kind, manifest in objects().items():
            if kind != "ServiceMonitor":  # of the Prometheus operator; see below
                for version in ["1.28", newest]:
                    self.assertIsNone(problems(manifest, version), f"{kind} {version}")

    def test_the_schemas_find_a_wrong_key(self):
        manifest = objects()["Deployment"]
        manifest["spec"]["template"]["spec"]["containers"][0]["readOnlyRootFilesystem"] = True
        self.assertIn("readOnlyRootFilesystem", problems(manifest, "1.28"))

    def test_names_lead_to_each_other(self):
        of = objects()
        pod = of["Deployment"]["spec"]["template"]
        container = pod["spec"]["containers"][0]
        labels = pod["metadata"]["labels"]
        self.assertEqual(of["Deployment"]["spec"]["selector"]["matchLabels"], labels)
        self.assertEqual(of["Service"]["spec"]["selector"], labels)
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for port in of["Service"]["spec"]["ports"]:
            self.assertIn(port["targetPort"], ports)
        for probe in ["readinessProbe", "livenessProbe"]:
            self.assertIn(container[probe]["httpGet"]["port"], ports)
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        self.assertEqual(volumes, {mount["name"] for mount in container["volumeMounts"]})
        (config,) = [volume["configMap"]["name"] for volume in pod["spec"]["volumes"] if "configMap" in volume]
        self.assertEqual(config, of["ConfigMap"]["metadata"]["name"])

        monitor = of["ServiceMonitor"]
        self.assertEqual(monitor["apiVersion"], "monitoring.coreos.com/v1")
        self.assertEqual(set(monitor["spec"]), {"selector", "endpoints"})
        self.assertEqual(monitor["spec"]["selector"]["matchLabels"], of["Service"]["metadata"]["labels"])
        named = {port["name"] for port in of["Service"]["spec"]["ports"]}
        for endpoint in monitor["spec"]["endpoints"]:
            self.assertEqual(set(endpoint), {"port", "interval"})
            self.assertIn(endpoint["port"], named)

    def test_the_image_is_of_this_version(self):
        manifest = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
        version = re.search(r'^version = "(.*)"', manifest, re.MULTILINE)[1]
        image = objects()["Deployment"]["spec"]["template"]["spec"]["containers"][0]["image"]
        self.assertEqual(image.split(":")[-1], version)
        self.assertIn(f"\n## [{version}]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


class Licences(unittest.TestCase):
    def test_every_crate_in_the_program_has_its_licence_told(self):
        tree = subprocess.run(
            "cargo tree --locked --edges normal,no-proc-macro --prefix none --format".split() + ["{p}"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        crates = {tuple(line.split()[:2]) for line in tree.splitlines() if not line.startswith("contact-rate-exporter")}
        self.assertGreater(len(crates), 150)
        text = (ROOT / "LICENSES-THIRD-PARTY.txt").read_text(encoding="utf-8")
        told = set(re.findall(r"^  ([\w-]+) (\d\S*)$", text, re.MULTILINE))
        missing = {name for name, version in crates if (name, version.removeprefix("v")) not in told}
        self.assertEqual(missing, set(), "run packaging/licences")


if __name__ == "__main__":
    unittest.main()
