"""Addresses, the Service balancer and the ingress: everything on one loopback /16."""
