"""A cloud on a desk: IEF and OBS over real HTTP, with signatures checked."""
