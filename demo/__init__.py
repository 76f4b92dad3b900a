"""Run the whole system on one machine: PostgreSQL, Valkey, a Kubernetes API and a sample fabric."""
