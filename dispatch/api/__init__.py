"""The HTTP edge: one router per user; a request calls services and answers with what they return."""
