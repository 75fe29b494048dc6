"""What `future_plans.py` makes of its runs: readings of them, and figures."""
