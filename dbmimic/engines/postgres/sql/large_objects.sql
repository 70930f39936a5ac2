-- present     whether the database holds large objects, which a copy does not carry
SELECT EXISTS (SELECT FROM pg_largeobject_metadata);
