"""Limits that come before the work: admission of sockets, token buckets, paced queues, deadlines, buffered bytes."""
