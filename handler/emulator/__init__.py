"""A cloud on a router: IEF and OBS over real HTTP, with signatures checked."""
