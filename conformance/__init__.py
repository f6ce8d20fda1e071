"""Agreement with the oracle (PyTorch 2.13.0 on CPU), measured entry by entry.

The oracle publishes a database of operators with samples; it is read at run time through its API.
Every sample is turned into plain bytes (`carrier`), built again in either library, called by name
(`library`, `adapters`), and the two answers are compared (`compare`, `check`). Workers isolate
crashes (`worker`, `pool`); `report` writes artifacts/parity.json and guards what already passed.
`record` keeps a few answers in a small file, so that the same comparison runs without the oracle.
"""
