"""The business: what customers can order, orders from their words to the invoice, profit and loss.

One rule: an order is a stranger's text. It can have something of the firm's products made at a price that was
confirmed, and nothing else: no word in it moves money, grants a tool or opens another customer's folder.
"""

from typing import TYPE_CHECKING

from firm.org.trade.product import Product, read_products
from firm.org.trade.product import read_products as products

if TYPE_CHECKING:
    from firm.org.trade.earning import Profit, profit
    from firm.org.trade.order import Order, OrderRecord
    from firm.org.trade.taking import take

__all__ = ["Order", "OrderRecord", "Product", "Profit", "products", "profit", "read_products", "take"]
_FROM = {"Order": "order", "OrderRecord": "order", "Profit": "earning", "profit": "earning", "take": "taking"}


def __getattr__(name: str) -> object:
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_FROM[name]}"), name)
