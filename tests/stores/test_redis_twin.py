from longshore.stores import open_store
from longshore.testing.twin import twin
from servers.shared import in_namespace

TestRedisTwin = twin("{folder}", lambda folder, clock: open_store(in_namespace(folder), clock=clock))
