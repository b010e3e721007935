"""Claims about alerts, cases, notices and how they leave."""
