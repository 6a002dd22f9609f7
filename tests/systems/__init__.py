"""The systems that travel with Drillbook: their manifests agree with themselves and apply as they are."""
