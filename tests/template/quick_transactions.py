"""moto copies a table, to be able to undo a transaction, once for each item of the transaction: a hundred times for a
hundred items. Here once, which is the same, as nothing is written in between."""

import copy
import threading

from moto.dynamodb import models
from moto.dynamodb.models.table import Table


class CopiesOfOneTransaction(threading.local):
    """What stands where moto's module expects Python's `copy`."""

    def __init__(self):
        self.tables = None

    def deepcopy(self, value):
        if self.tables is None or not isinstance(value, Table):
            return copy.deepcopy(value)
        if id(value) not in self.tables:
            self.tables[id(value)] = copy.deepcopy(value)
        return self.tables[id(value)]


def register():
    """Makes moto's transactions quick."""
    copies, transact = CopiesOfOneTransaction(), models.DynamoDBBackend.transact_write_items

    def transact_write_items(self, transact_items):
        copies.tables = {}
        try:
            return transact(self, transact_items)
        finally:
            copies.tables = None

    models.copy = copies
    models.DynamoDBBackend.transact_write_items = transact_write_items
