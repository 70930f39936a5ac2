-- How many sessions of others run a statement at this moment; stands after `others`.
SELECT count(*) FROM others o WHERE o.backend_type = 'client backend' AND o.state = 'active';
