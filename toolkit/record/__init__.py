"""Real traffic as a trace: a relay between clients and a host that changes nothing and writes down what was asked."""
