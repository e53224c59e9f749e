"""The model inside the box: small real weights, and a server of this machine's own that runs them.

One rule: it is for trying out and for tests, and nothing in `firm` is tuned to it. What can be pulled stands in
`catalogue`, where it lies in `store`, how it gets there in `pull`, who serves it in `launch` and `server`; sentence
embeddings are in `minilm`.
"""

from firm.model.embedded.catalogue import DEFAULT, EMBEDDING, SMALLEST, Entry, catalogue, find

__all__ = ["DEFAULT", "EMBEDDING", "SMALLEST", "Entry", "catalogue", "find"]
