"""Brokers behind one port: Apache Kafka for servers, an embedded log in PostgreSQL for one machine."""
