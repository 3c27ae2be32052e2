"""What an isolation level is made of."""
