\set pick random(0, 2)
select * from capconduit.preview_route((array['+18005550101', '+12125550102', '+13105550103'])[:pick + 1]);
