€
serveserveserveserveserveserveserveserveserveserve