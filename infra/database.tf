# Only with var.database: PostgreSQL for the audit log, in a VPC that the function joins.

locals {
  # Known before the database is: the address is in the function's settings.
  database_host = var.database == null ? null : cidrhost(var.database.cidr, 10)

  # The function's role is given what it needs by nightdrop audit init.
  database_address = var.database == null ? "" : format(
    "postgresql://nightdrop:%s@%s:5432/nightdrop?sslmode=require",
    urlencode(var.function_password), local.database_host,
  )
}

resource "huaweicloud_vpc" "nightdrop" {
  count = var.database == null ? 0 : 1

  name = var.name
  cidr = var.database.cidr
  tags = var.tags
}

resource "huaweicloud_vpc_subnet" "nightdrop" {
  count = var.database == null ? 0 : 1

  name       = var.name
  vpc_id     = huaweicloud_vpc.nightdrop[0].id
  cidr       = var.database.cidr
  gateway_ip = cidrhost(var.database.cidr, 1)
  tags       = var.tags
}

resource "huaweicloud_networking_secgroup" "database" {
  count = var.database == null ? 0 : 1

  name                 = "${var.name}-database"
  description          = "PostgreSQL, from the function's subnet alone"
  delete_default_rules = true
  tags                 = var.tags
}

resource "huaweicloud_networking_secgroup_rule" "database" {
  count = var.database == null ? 0 : 1

  security_group_id = huaweicloud_networking_secgroup.database[0].id
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  ports             = "5432"
  remote_ip_prefix  = var.database.cidr
}

resource "huaweicloud_rds_instance" "nightdrop" {
  count = var.database == null ? 0 : 1

  name              = var.name
  flavor            = var.database.flavor
  availability_zone = [var.database.availability_zone]
  vpc_id            = huaweicloud_vpc.nightdrop[0].id
  subnet_id         = huaweicloud_vpc_subnet.nightdrop[0].id
  security_group_id = huaweicloud_networking_secgroup.database[0].id
  fixed_ip          = local.database_host
  ssl_enable        = true
  tags              = var.tags

  db {
    type     = "PostgreSQL"
    version  = var.database.version
    password = var.database_password
  }

  volume {
    type = var.database.volume_type
    size = var.database.volume_gb
  }

  backup_strategy {
    start_time = "03:00-04:00"
    keep_days  = 30
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "huaweicloud_rds_pg_database" "nightdrop" {
  count = var.database == null ? 0 : 1

  instance_id = huaweicloud_rds_instance.nightdrop[0].id
  name        = "nightdrop"
  description = "Nightdrop's audit log"
}

resource "huaweicloud_rds_pg_account" "nightdrop" {
  count = var.database == null ? 0 : 1

  instance_id = huaweicloud_rds_instance.nightdrop[0].id
  name        = "nightdrop"
  password    = var.function_password
}
