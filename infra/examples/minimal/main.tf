# The least there is: drop a file, get a job. The log is in OBS.

terraform {
  required_providers {
    huaweicloud = {
      source  = "huaweicloud/huaweicloud"
      version = ">= 1.97.1, < 2.0.0"
    }
  }
}

# HW_ACCESS_KEY and HW_SECRET_KEY come from the environment.
provider "huaweicloud" {
  region = "cn-north-4"
}

module "nightdrop" {
  source = "../.."

  region        = "cn-north-4"
  bucket_prefix = "example-nightdrop" # unique in all of OBS: choose your own
  package       = "${path.root}/nightdrop.zip"
}

output "drop" {
  value = module.nightdrop.drop
}
