// Datasette's table.js reads this; its own page sets it by an inline script, which the policy forbids.
var DATASETTE_ALLOW_FACET = true;
