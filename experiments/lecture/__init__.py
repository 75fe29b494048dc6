"""What `lecture_disentanglement.py` trains, measures and draws, a page of the lecture per file."""
