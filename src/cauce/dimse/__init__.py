"""The DICOM listener: C-ECHO and C-STORE over TCP (PS3.7, PS3.8). Start reading at `listener.serve`.

listener      binds the port and starts what accepts on it
processes     the parent of several processes: starts, watches, replaces and stops them
acceptor      one process: takes connections, a thread each
association   one association: negotiation, the exchange of messages, its end
upper_layer   PDUs in and out of the socket, driven by pynetdicom's state machine
contexts      which abstract and transfer syntaxes are accepted
messages      fragments -> messages
commands      command sets in and out
body, part10  the bytes of an instance on their way to the receiver
receiver      what the listener needs of the rest of the platform
service       the receiver on the platform's services
serving       listener and receiver put together: what `cauce dimse` runs
"""
