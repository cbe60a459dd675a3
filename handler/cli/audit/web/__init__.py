"""What makes the page of `nightdrop audit serve`; needs the extra `page`."""
