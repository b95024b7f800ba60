"""Workers: processes that claim jobs from the ledger and run the flow's steps."""
