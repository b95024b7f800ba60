"""UPS-RS, the worklist service (PS3.18 chapter 11): work items are asked for, found, claimed and ended."""
