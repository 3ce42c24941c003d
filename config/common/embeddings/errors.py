"""What can go wrong when text is embedded on this machine."""

from config.common.errors import Unavailable


class EmbeddingModelMissing(Unavailable):
    """The weights of the local embedding model are not installed, or not whole."""

    code = "embedding.model_missing"
    title = "The local embedding model is missing"
