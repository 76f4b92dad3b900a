"""The whole system on one bare machine: PostgreSQL, Valkey, a Kubernetes API and a sample fabric."""
