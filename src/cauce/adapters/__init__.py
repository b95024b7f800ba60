"""One module a backend: each fulfils a port for one kind of store. Only `bootstrap` names them."""
