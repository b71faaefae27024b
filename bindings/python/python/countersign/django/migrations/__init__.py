"""The migrations of `asymmetric_jwt_auth` 1.3.0, as one."""
