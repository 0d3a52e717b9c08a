"""The press: turns a sheet of plain texts into a PDF and puts it into folders. Knows nothing of dispatch."""

HANGS = "tidak menjawab / does not answer"
