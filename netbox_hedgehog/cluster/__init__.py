"""Call Kubernetes: takes credentials, returns objects. No Django model in here.

Nothing is imported here: models need kubeconfig.py, and web processes must not load the Kubernetes client for it.
"""
