"""The floor: who is asking, what may be asked, and the decision. Docstring only; imports nothing of ours."""
