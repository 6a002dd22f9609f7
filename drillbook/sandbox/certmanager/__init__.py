"""cert-manager, as far as its users see it: Certificates are issued into Secrets, renewed, and issued again."""
