"""
The values that flow through dbmimic: frozen, and with nothing to do but be right.

In: nothing. Out: every other room. Never: I/O, engines, masks' code.
Read first: `schema`, `graph`, `keys`, `batch`, `masking`.

The glossary. A *source* is read, a *target* is replaced. A *parent* is referenced, a *child* holds the foreign key.
A *slice* is what was asked for; its *seeds* are the rows it starts from; a *key set* is the rows chosen of one table.
Rows travel in *batches*; a *unit* is some rows of one table to read, mask and load; a *run* is all of it.
A *rule* decides a column; a *mask* changes its values; columns of one *domain* are masked alike.
A *finding* is something noticed. The *golden copy* is the verified, masked copy; a *sandbox* is made from it.
"""
