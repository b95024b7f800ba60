"""What `cauce import` is made of: where files come from, which have their verdict, how long a server is waited for."""
