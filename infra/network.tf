# Only with var.database: the way out of its VPC, since a function in a VPC has no other to IEF and OBS.

resource "huaweicloud_vpc_eip" "way_out" {
  count = var.database == null ? 0 : 1

  name = var.name
  tags = var.tags

  publicip {
    type = "5_bgp"
  }

  bandwidth {
    name        = var.name
    share_type  = "PER"
    size        = 5
    charge_mode = "traffic"
  }
}

resource "huaweicloud_nat_gateway" "way_out" {
  count = var.database == null ? 0 : 1

  name        = var.name
  description = "The function's way out, to IEF and OBS"
  spec        = "1"
  vpc_id      = huaweicloud_vpc.nightdrop[0].id
  subnet_id   = huaweicloud_vpc_subnet.nightdrop[0].id
  tags        = var.tags
}

resource "huaweicloud_nat_snat_rule" "way_out" {
  count = var.database == null ? 0 : 1

  nat_gateway_id = huaweicloud_nat_gateway.way_out[0].id
  floating_ip_id = huaweicloud_vpc_eip.way_out[0].id
  subnet_id      = huaweicloud_vpc_subnet.nightdrop[0].id
}
