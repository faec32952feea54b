"""The steps of `make setup`; standard library only, so that any Python 3.10 or newer can run them."""
