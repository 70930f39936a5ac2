"""The image of `docker/Dockerfile`, built and run without a container engine; see `__main__`."""
