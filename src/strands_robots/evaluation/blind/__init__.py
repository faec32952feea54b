"""Two policies on hardware, compared without telling the person which one moves the arm."""
