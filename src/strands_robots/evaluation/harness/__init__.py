"""Our tasks in other people's harnesses, and our policies behind them."""
