raise AssertionError("a module that begins with _ is not loaded by a path that ends in .*")
