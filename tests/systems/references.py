"""What manifests refer to is there: ConfigMaps, Secrets and their keys, claims, accounts, Services, issuers."""

from __future__ import annotations

from collections.abc import Iterator

from tests.systems.manifests import (
    WORKLOADS,
    Manifests,
    Object,
    containers,
    name_of,
    namespace_of,
    template,
    title,
)

REFERENCES = {
    "configMapKeyRef": "ConfigMap",
    "configMapRef": "ConfigMap",
    "secretKeyRef": "Secret",
    "secretRef": "Secret",
}


def references(found: Manifests) -> Iterator[str]:
    """A sentence for everything that is referred to and isn't there."""
    for workload in found.of(*WORKLOADS):
        yield from _configuration(found, workload)
        yield from _volumes(found, workload)
    for stateful in found.of("StatefulSet"):
        if found.find("Service", namespace_of(stateful), stateful["spec"]["serviceName"]) is None:
            yield f"{title(stateful)} names a Service that isn't there: {stateful['spec']['serviceName']}"
    for scaler in found.of("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        if found.find(target["kind"], namespace_of(scaler), target["name"]) is None:
            yield f"{title(scaler)} scales what isn't there: {target['kind']} {target['name']}"
    for ingress in found.of("Ingress"):
        yield from _ingress(found, ingress)
    for certificate in found.of("Certificate"):
        issuer, namespace = certificate["spec"]["issuerRef"], namespace_of(certificate)
        # A ClusterIssuer belongs to the cluster, as cert-manager itself does.
        if issuer.get("kind", "Issuer") == "Issuer" and found.find("Issuer", namespace, issuer["name"]) is None:
            yield f"{title(certificate)} names an issuer that isn't there: {issuer['name']}"


def _configuration(found: Manifests, workload: Object) -> Iterator[str]:
    for container in containers(workload):
        sources = [entry["valueFrom"] for entry in container.get("env", []) if "valueFrom" in entry]
        for source in (*sources, *container.get("envFrom", [])):
            for field, kind in REFERENCES.items():
                if field in source:
                    yield from _missing(found, workload, kind, source[field]["name"], source[field].get("key"))


def _volumes(found: Manifests, workload: Object) -> Iterator[str]:
    namespace, spec = namespace_of(workload), template(workload)["spec"]
    for volume in spec.get("volumes", []):
        if "configMap" in volume:
            yield from _missing(found, workload, "ConfigMap", volume["configMap"]["name"], None)
        if "secret" in volume:
            yield from _missing(found, workload, "Secret", volume["secret"]["secretName"], None)
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim and found.find("PersistentVolumeClaim", namespace, claim) is None:
            yield f"{title(workload)} uses a claim that isn't there: {claim}"
    account = spec.get("serviceAccountName")
    if account and found.find("ServiceAccount", namespace, account) is None:
        yield f"{title(workload)} runs as a ServiceAccount that isn't there: {account}"


def _missing(found: Manifests, workload: Object, kind: str, name: str, key: str | None) -> Iterator[str]:
    keys = found.keys(kind, namespace_of(workload), name)
    if keys is None:
        yield f"{title(workload)} reads a {kind} that isn't there: {name}"
    elif key is not None and key not in keys:
        yield f"{title(workload)} reads the key {key} that {kind} {name} doesn't have"


def _ingress(found: Manifests, ingress: Object) -> Iterator[str]:
    namespace, hosts = namespace_of(ingress), set()
    for rule in ingress["spec"]["rules"]:
        hosts.add(rule["host"])
        for path in rule["http"]["paths"]:
            wanted = path["backend"]["service"]
            service = found.find("Service", namespace, wanted["name"])
            ports = service["spec"]["ports"] if service else []
            offered = {port[field] for port in ports for field in ("port", "name") if field in port}
            if not offered & set(wanted["port"].values()):
                where = f"{rule['host']}{path['path']}"
                yield f"{title(ingress)} sends {where} to a Service port that isn't there: {wanted}"
    for entry in ingress["spec"].get("tls", []):
        if found.keys("Secret", namespace, entry["secretName"]) is None:
            yield f"{title(ingress)} serves a certificate that nothing makes: {entry['secretName']}"
        if not set(entry["hosts"]) <= hosts:
            yield f"{title(ingress)} has a certificate for hosts that it doesn't serve: {set(entry['hosts']) - hosts}"
    for certificate in found.of("Certificate"):
        if namespace_of(certificate) == namespace and not set(certificate["spec"]["dnsNames"]) <= hosts:
            yield f"{title(certificate)} is for hosts that {name_of(ingress)} doesn't serve"
