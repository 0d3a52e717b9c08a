"""The rules of dispatch: pure Python, no framework, no input or output."""
