"""The public status site: every file of it, rendered from a publication and from nothing else."""
